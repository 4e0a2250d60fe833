/** What a server in a process of its own and its parent tell each other. */

export interface ServerListening {
  type: 'listening'
  port: number
}

export interface ServerStartFailed {
  type: 'failed'
  /** Of the system's error, as `EADDRINUSE`. */
  code: string
  message: string
}

export type FromServer = ServerListening | ServerStartFailed

export const STOP = 'stop'

/** Where the child listens and what it keeps, by its environment. */
export const variables = {
  host: 'HEADGATE_SERVER_HOST',
  port: 'HEADGATE_SERVER_PORT',
  dataDir: 'HEADGATE_SERVER_DATA_DIR',
} as const
