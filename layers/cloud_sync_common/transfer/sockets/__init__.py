"""The pass-through adapter: a worker's source connection, one buffer, a worker's S3 connection, and nothing between.

``http_head``    reading what a server says before its body; pure
``connection``   one TCP or TLS connection, with limits of time
``connections``  those that are kept open between requests
``bodies``       the three ways in which HTTP/1.1 frames a body
``source``       the source side: a ``SourceTransport``
``framing``      how a body with its checksum behind it is wrapped for S3; pure
``sender``       the S3 side: puts the bodies of a boto3 client on the wire

No proxies: ``by_requests`` knows them.
"""
