"""TLS and certificates, as clients meet them and as somebody cares for them."""
