import { setTimeout as pass } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { reset, silence } from '../../support/faults/faults.ts'
import { isAlive } from '../../support/processes.ts'
import { accepted, postJson, untilProcessed } from '../scenario/scene.ts'
import { logged } from '../support/fleet.ts'
import { notInstalled, type ServerName } from '../support/installed.ts'
import { inLanes, LANES } from './lanes.ts'
import { type OpenScene, openScene } from './open-scene.ts'

const UPLOADS = 200
/** `HEADGATE_OUTAGE_SECONDS=60` is the long form. */
const OUTAGE_MS = Number(process.env.HEADGATE_OUTAGE_SECONDS ?? 12) * 1_000

const servers = ['ministack', 'moto'] as const satisfies readonly ServerName[]

/** Uploads a text of its own. Resolves to the status of the answer. */
async function uploadText({ scene }: OpenScene, uploads: Upload[], n: number): Promise<number> {
  const answer = await postJson(scene, { filename: `${n}.txt`, content: `upload ${n}` })
  const upload = accepted(answer)
  scene.expected.processed(upload, `upload ${n}`, `UPLOAD ${n}`)
  uploads.push(upload)
  return answer.status
}

type Upload = ReturnType<typeof accepted>

async function allAreProcessed(t: Test, { server, scene }: OpenScene, uploads: readonly Upload[]): Promise<void> {
  t.equal(uploads.length, UPLOADS)
  await t.test(`all ${UPLOADS} are processed`, async t => {
    await inLanes(UPLOADS, async n => {
      const upload = uploads[n]
      if (upload) await untilProcessed(t, scene, upload)
    })
  })
  t.strictSame(await scene.expected.settle(server), [], 'boto3 finds each of them, to the byte, and nothing else')
}

for (const name of servers) {
  t.test(
    `a worker is killed half way through ${UPLOADS} uploads, on ${name}`,
    { skip: notInstalled(name) },
    async t => {
      const open = await openScene(t, name)
      const [killed, survivor] = open.fleet.workers
      if (!killed || !survivor) return t.fail('The fleet has two workers.')
      // Four shards: a worker without any would have nothing to lose.
      await Promise.all([killed, survivor].map(worker => logged(worker, /"msg":"lease acquired"/, 2)))

      const uploads: Upload[] = []
      const uploading = inLanes(UPLOADS, async n => {
        t.equal(await uploadText(open, uploads, n), 200)
      })
      const done = /"msg":"processed"/g
      await logged(killed, done, UPLOADS / 8)
      killed.child.kill('SIGKILL')
      const doneByThen = [killed, survivor].map(worker => worker.stdout().match(done)?.length ?? 0)
      t.comment(`processed when the worker was killed: ${doneByThen.join(' and ')}`)
      t.ok(doneByThen.reduce((sum, count) => sum + count) < UPLOADS, 'not all were done by then')
      await killed.ended
      t.notOk(isAlive(killed.pid))
      await uploading
      await allAreProcessed(t, open, uploads)
    },
  )

  t.test(
    `Kinesis is away for ${OUTAGE_MS / 1_000} s of ${UPLOADS} uploads, on ${name}`,
    { skip: notInstalled(name) },
    async t => {
      const open = await openScene(t, name)
      const { kinesis } = open.fleet.proxies
      const uploads: Upload[] = []
      t.equal(await uploadText(open, uploads, 0), 200, 'before the outage')

      // Connections are reset at first, as by a firewall. Then they are accepted, and nothing is answered.
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
        // Spread over the outage, and a little beyond.
        await pass((OUTAGE_MS * LANES * 1.1) / UPLOADS)
        const status = await uploadText(open, uploads, n + 1)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      })
      await Promise.all([turning, ending])
      t.comment(
        `answers: ${JSON.stringify([...statuses])}; requests without an answer: ${hits.join(' reset, ')} silent`,
      )
      t.ok(
        hits.every(count => count > 0),
        'the processes have called Kinesis in both halves of the outage',
      )
      t.ok((statuses.get(202) ?? 0) > 0, 'uploads were stored while their events could not be published')
      t.equal((statuses.get(200) ?? 0) + (statuses.get(202) ?? 0), UPLOADS - 1, 'all were accepted')
      await allAreProcessed(t, open, uploads)
    },
  )
}
