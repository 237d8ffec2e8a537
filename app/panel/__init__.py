"""The work panel beside the chat: Graph, Spec, Preview, Run."""
