"""Who may ask, and how much at once: keys, rates, slots. Blind to doors and to what is asked."""
