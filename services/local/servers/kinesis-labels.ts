/**
 * The ports that kinesis-local asks for. They only identify its two servers: the child process redirects them to the
 * real ports, and the TLS server, which nobody uses, to any free port.
 */
export const labels = { plain: 2, tls: 1 } as const

export const PERSIST_FILE = 'kinesis-data.json'
