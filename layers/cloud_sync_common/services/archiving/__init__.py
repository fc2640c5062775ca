"""One piece, from "what is in S3 already?" to "proven": the completion protocol of design.md 5.

Every pass asks S3 what is there, moves what is missing and fits, and completes what is whole. There is no separate path
for resuming: whatever was killed, the next pass sees the same truth. The order of effects is the promise:

1. the piece's key, size and validator are in the tracker before any byte is sent;
2. the upload id is in the tracker before the first part;
3. the object becomes visible only with its size and whole-object checksum agreed by S3, and only if the key was free;
4. the tracker says COMPLETED only after HEAD has shown that object.

Whatever answer Complete or Put gives, or fails to give, HEAD decides.
"""
