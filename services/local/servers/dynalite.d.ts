declare module 'dynalite' {
  import type { Server } from 'node:http'

  interface DynaliteOptions {
    /** Where LevelDB keeps its files. Left out: in memory. */
    path?: string
    /** How long a table stays CREATING, in milliseconds. */
    createTableMs?: number
    deleteTableMs?: number
    updateTableMs?: number
  }

  export default function dynalite(options?: DynaliteOptions): Server
}
