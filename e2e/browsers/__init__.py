"""What only a browser can tell: these tests drive a real Chromium and a real Firefox."""
