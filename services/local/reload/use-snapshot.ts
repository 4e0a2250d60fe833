/** Loaded first into the workers of `npm start -- --watch` and into their transform processes. */
import { SNAPSHOT_VARIABLE, useSnapshot } from './snapshot.ts'

const file = process.env[SNAPSHOT_VARIABLE]
if (file !== undefined) useSnapshot(file)
