"""What several tests share: servers, fixtures of media, a whole account in one process."""
