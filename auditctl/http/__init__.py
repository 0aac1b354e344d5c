"""HTTP requests to a service, and everything that can go wrong with them."""
