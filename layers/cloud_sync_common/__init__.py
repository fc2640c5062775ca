"""The shared code of all functions: rules, edges, the transfer engine and the services that handlers call."""
