"""What tests share: real servers, the service, pictures, ways to wait."""
