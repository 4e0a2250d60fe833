/** The process of the embedded S3. It runs fauxqs on the address and port that the parent passes. */
import path from 'node:path'
import { startFauxqs } from 'fauxqs'
import { liveForParent, reportFailure, sendToParent, settingsFromParent } from './child-life.ts'
import { listeningOn } from './s3-listen.ts'

const { host, port, dataDir } = settingsFromParent()
const corsFile = dataDir && path.join(dataDir, 'cors.json')
const starting = listeningOn({ host, corsFile }, () =>
  startFauxqs({ host, port, logger: false, ...(dataDir === undefined ? {} : { dataDir }) }),
)

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
