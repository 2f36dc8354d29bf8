"""The studio: drums in a browser, and the server on this machine that plays for them.

The page keeps all pieces; the server knows nothing between two requests.
"""
