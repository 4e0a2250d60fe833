/** The process of the embedded S3, on the address and port that the parent passes. */
import { serveS3, TEMPORARY } from '../s3/index.ts'
import { liveForParent, reportFailure, sendToParent, settingsFromParent } from './child-life.ts'

const { dataDir, ...address } = settingsFromParent()
if (dataDir === undefined) throw new Error('The process of S3 needs a data folder.')
const starting = serveS3({ ...address, dataDir, isTemporary: process.env[TEMPORARY] !== undefined })

liveForParent(() => {
  // A server that did not start cannot be stopped, and the parent knows the reason.
  const stopped = starting.then(
    server => server.stop(),
    () => undefined,
  )
  stopped.then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})

starting.then(server => sendToParent({ type: 'listening', port: server.port }), reportFailure)
