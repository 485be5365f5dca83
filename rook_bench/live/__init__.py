"""Live sessions: the head of a chain followed, decided on as it comes, journalled, and proven equal to a replay."""
