"""The process that carries alerts to people and programs outside: channels, their pace, what could not be delivered."""
