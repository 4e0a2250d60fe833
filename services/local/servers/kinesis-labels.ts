/**
 * The ports that kinesis-local believes it listens on. They only tell its two servers apart: the child puts them where they
 * belong, the one with TLS, which nobody uses, on any free port.
 */
export const labels = { plain: 2, tls: 1 } as const

export const PERSIST_FILE = 'kinesis-data.json'
