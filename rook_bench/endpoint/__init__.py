"""Language models behind a server that speaks OpenAI's words: asked within a budget, each prompt once."""
