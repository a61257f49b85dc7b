"""What runs generations: backends know sockets and servers, and nothing of OpenAI."""
