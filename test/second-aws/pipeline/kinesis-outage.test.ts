import { setTimeout as pass } from 'node:timers/promises'
import t from 'tap'
import { reset, silence } from '../../support/faults/faults.ts'
import type { AcceptedUpload } from '../scenario/expectations.ts'
import { notInstalled } from '../support/installed.ts'
import { allAreProcessed, inLanes, LANES, uploadText } from './many-uploads.ts'
import { openScene } from './open-scene.ts'

const UPLOADS = 200
/** `HEADGATE_OUTAGE_SECONDS=60` runs the long form. */
const OUTAGE_MS = Number(process.env.HEADGATE_OUTAGE_SECONDS ?? 12) * 1_000

t.setTimeout(900_000 + 2 * OUTAGE_MS)

for (const name of ['ministack', 'moto'] as const) {
  const title = `Kinesis is away for ${OUTAGE_MS / 1_000} s of ${UPLOADS} uploads, on ${name}`
  t.test(title, { skip: notInstalled(name) }, async t => {
    const open = await openScene(t, name)
    const { kinesis } = open.fleet.proxies
    const uploads: AcceptedUpload[] = []
    await uploadText(open, uploads, 0)

    // At first, connections are reset, as by a firewall. Then they are accepted, and no request gets a response.
    let outage = kinesis.inject(reset)
    const hits: number[] = []
    const turning = pass(OUTAGE_MS / 2).then(() => {
      hits.push(outage.hits)
      outage.remove()
      outage = kinesis.inject(silence)
    })
    const ending = pass(OUTAGE_MS).then(() => {
      hits.push(outage.hits)
      outage.remove()
    })
    const statuses = new Map<number, number>()
    await inLanes(UPLOADS - 1, async n => {
      // Spread over the outage and a little longer.
      await pass((OUTAGE_MS * LANES * 1.1) / UPLOADS)
      const status = await uploadText(open, uploads, n + 1)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    })
    await Promise.all([turning, ending])
    t.comment(`answers: ${JSON.stringify([...statuses])}; requests without an answer: ${hits.join(' reset, ')} silent`)
    t.ok(
      hits.every(count => count > 0),
      'the processes have called Kinesis in both halves of the outage',
    )
    t.ok((statuses.get(202) ?? 0) > 0, 'uploads were stored while their events could not be published')
    t.equal(uploads.length, UPLOADS, 'all were accepted')
    await allAreProcessed(t, open, uploads)
  })
}
