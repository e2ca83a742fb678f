"""What only a browser can show: these tests drive a real Chromium and a real Firefox."""
