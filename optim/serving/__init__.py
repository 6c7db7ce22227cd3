"""A server for bundles: the Open Inference Protocol over REST and gRPC, with batching."""
