/** The process of the embedded S3: fauxqs, on the address and the port that the parent tells it. */
import { startFauxqs } from 'fauxqs'
import { liveForParent, reportFailure, sendToParent, settingsFromParent } from './child-life.ts'
import { listeningOn } from './s3-listen.ts'

const { host, port, dataDir } = settingsFromParent()
const starting = listeningOn(host, () =>
  startFauxqs({ host, port, logger: false, ...(dataDir === undefined ? {} : { dataDir }) }),
)

liveForParent(() => {
  // Where it did not start there is nothing to stop, and the parent knows why.
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
