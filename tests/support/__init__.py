"""What tests share: models, values, servers, browsers."""
