"""Example sites: one for each library that signs people in. The same scenario runs at each."""
