"""TLS and certificates, as a client meets them and as somebody cares for them."""
