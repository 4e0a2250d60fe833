import t from 'tap'
import type { UploadState } from '../../../services/uploads/objects/orphan-store.ts'
import { judgeMultipart, judgeObject, judgeTail, type Verdict } from '../../../services/worker/orphans/judge.ts'

const BEFORE = '2026-01-02T00:00:00.000Z'
const EARLIER = '2026-01-01T00:00:00.000Z'
const LATER = '2026-01-03T00:00:00.000Z'
const key = 'uploads/o/id/a.txt'

const objects: Array<[what: string, standing: UploadState | undefined, verdict: Verdict]> = [
  ['its upload is not recorded', undefined, 'give-up'],
  ['its event is no longer on the stream', { status: 'queued', key, updatedAt: EARLIER }, 'requeue'],
  ['the relay published its event late', { status: 'queued', key, updatedAt: LATER }, 'requeue'],
  ['its worker died', { status: 'processing', key, updatedAt: EARLIER }, 'requeue'],
  ['a worker processes it', { status: 'processing', key, updatedAt: LATER }, 'leave'],
  ['it is in the outbox', { status: 'stored', key }, 'leave'],
  ['it is processed', { status: 'processed', key }, 'leave'],
  ['it has failed', { status: 'failed', key }, 'leave'],
  ['its upload is pending', { status: 'pending', key }, 'leave'],
  ['its deletion is in progress', { status: 'deleted', key }, 'leave'],
  ['its deletion is finished', { status: 'deleted' }, 'remove'],
  ['the upload has another object', { status: 'processed', key: 'uploads/o/id/b.txt' }, 'remove'],
]

for (const [what, standing, verdict] of objects) {
  t.equal(judgeObject(key, standing, BEFORE), verdict, `object: ${what}`)
}

const pending: UploadState = { status: 'pending', key, arrival: { multipartId: 'one', tail: { key: 'tails/o/id/8' } } }

t.equal(judgeMultipart('one', pending), 'leave', 'parts of a pending upload')
t.equal(judgeMultipart('two', pending), 'remove', 'parts of an earlier attempt')
t.equal(judgeMultipart('one', { ...pending, status: 'processed' }), 'remove', 'parts of a complete upload')
t.equal(judgeMultipart('one', undefined), 'remove', 'parts of an unknown upload')
t.equal(judgeTail('tails/o/id/8', pending), 'leave', 'tail of a pending upload')
t.equal(judgeTail('tails/o/id/4', pending), 'remove', 'tail that is now in a part')
t.equal(judgeTail('tails/o/id/8', { status: 'pending', arrival: {} }), 'remove', 'tail that is not recorded')
t.equal(judgeTail('tails/o/id/8', undefined), 'remove', 'tail of an unknown upload')
