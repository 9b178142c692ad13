"""HTTP/1.1 as bytes, without a socket: requests prepared once, answers read strictly."""
