declare module 'dynalite' {
  import type { Server } from 'node:http'

  interface DynaliteOptions {
    /** The folder of LevelDB's files. Left out: the data is in memory. */
    path?: string
    /** How long a table stays CREATING, in milliseconds. */
    createTableMs?: number
    deleteTableMs?: number
    updateTableMs?: number
  }

  export default function dynalite(options?: DynaliteOptions): Server
}
