/** What the Kinesis child and its parent tell each other. */

export interface KinesisListening {
  type: 'listening'
  port: number
}

export interface KinesisStartFailed {
  type: 'failed'
  /** Of the system's error, as `EADDRINUSE`. */
  code: string
  message: string
}

export type FromKinesis = KinesisListening | KinesisStartFailed

export const STOP = 'stop'

/** Where the child listens and what it keeps, by its environment. */
export const variables = {
  host: 'HEADGATE_KINESIS_HOST',
  port: 'HEADGATE_KINESIS_PORT',
} as const

/**
 * The ports that kinesis-local believes it listens on. They only tell its two servers apart: the child puts them where they
 * belong, the one with TLS, which nobody uses, on any free port.
 */
export const labels = { plain: 2, tls: 1 } as const

export const PERSIST_FILE = 'kinesis-data.json'
