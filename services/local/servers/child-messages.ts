/** The messages between a server process and its parent. */

export interface ServerListening {
  type: 'listening'
  port: number
}

export interface ServerStartFailed {
  type: 'failed'
  /** The code of the system's error, such as `EADDRINUSE`. */
  code: string
  message: string
}

export type FromServer = ServerListening | ServerStartFailed

export const STOP = 'stop'

/** The environment variables that carry the settings of a server process. */
export const variables = {
  host: 'HEADGATE_SERVER_HOST',
  port: 'HEADGATE_SERVER_PORT',
  dataDir: 'HEADGATE_SERVER_DATA_DIR',
} as const
