import t from 'tap'
import { isAlive } from '../../support/processes.ts'
import type { AcceptedUpload } from '../scenario/expectations.ts'
import { logged } from '../support/fleet.ts'
import { notInstalled } from '../support/installed.ts'
import { allAreProcessed, inLanes, uploadText } from './many-uploads.ts'
import { openScene } from './open-scene.ts'

const UPLOADS = 200
const PROCESSED = /"msg":"processed"/g

t.setTimeout(900_000)

for (const name of ['ministack', 'moto'] as const) {
  t.test(
    `a worker is killed half way through ${UPLOADS} uploads, on ${name}`,
    { skip: notInstalled(name) },
    async t => {
      const open = await openScene(t, name)
      const [killed, survivor] = open.fleet.workers
      if (!killed || !survivor) return t.fail('The fleet has two workers.')
      // Four shards, because a worker without a shard would have nothing to lose.
      await Promise.all([killed, survivor].map(worker => logged(worker, /"msg":"lease acquired"/, 2)))

      const uploads: AcceptedUpload[] = []
      const uploading = inLanes(UPLOADS, async n => {
        await uploadText(open, uploads, n)
      })
      await logged(killed, PROCESSED, UPLOADS / 8)
      killed.child.kill('SIGKILL')
      const doneByThen = [killed, survivor].map(worker => worker.stdout().match(PROCESSED)?.length ?? 0)
      t.comment(`processed when the worker was killed: ${doneByThen.join(' and ')}`)
      t.ok(doneByThen.reduce((sum, count) => sum + count) < UPLOADS, 'not all were done by then')
      await killed.ended
      t.notOk(isAlive(killed.pid))
      await uploading
      t.equal(uploads.length, UPLOADS)
      await allAreProcessed(t, open, uploads)
    },
  )
}
