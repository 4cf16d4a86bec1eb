"""Do the broker's decision, the connector's START and END and the consumer's receipt tell one story (T63)?"""
