import t from 'tap'
import type { UploadState } from '../../../services/uploads/objects/orphan-store.ts'
import { judgeMultipart, judgeObject, judgeTail, type Verdict } from '../../../services/worker/orphans/judge.ts'

const BEFORE = '2026-01-02T00:00:00.000Z'
const EARLIER = '2026-01-01T00:00:00.000Z'
const LATER = '2026-01-03T00:00:00.000Z'
const key = 'uploads/o/id/a.txt'

const objects: Array<[what: string, standing: UploadState | undefined, verdict: Verdict]> = [
  ['nobody has recorded it', undefined, 'give-up'],
  ['its event is not on the stream any more', { status: 'queued', key, updatedAt: EARLIER }, 'requeue'],
  ['the relay was late with it', { status: 'queued', key, updatedAt: LATER }, 'requeue'],
  ['its worker has died', { status: 'processing', key, updatedAt: EARLIER }, 'requeue'],
  ['a worker is at it', { status: 'processing', key, updatedAt: LATER }, 'leave'],
  ['the relay has it', { status: 'stored', key }, 'leave'],
  ['it is processed', { status: 'processed', key }, 'leave'],
  ['it has failed', { status: 'failed', key }, 'leave'],
  ['it is promised', { status: 'pending', key }, 'leave'],
  ['its deletion is under way', { status: 'deleted', key }, 'leave'],
  ['its deletion is finished', { status: 'deleted' }, 'remove'],
  ['the upload became another object', { status: 'processed', key: 'uploads/o/id/b.txt' }, 'remove'],
]

for (const [what, standing, verdict] of objects) {
  t.equal(judgeObject(key, standing, BEFORE), verdict, `an object: ${what}`)
}

const pending: UploadState = { status: 'pending', key, arrival: { multipartId: 'one', tail: { key: 'tails/o/id/8' } } }

t.equal(judgeMultipart('one', pending), 'leave', 'parts that are awaited')
t.equal(judgeMultipart('two', pending), 'remove', 'parts of an attempt before')
t.equal(judgeMultipart('one', { ...pending, status: 'processed' }), 'remove', 'parts of an upload that is whole')
t.equal(judgeMultipart('one', undefined), 'remove', 'parts of nobody')
t.equal(judgeTail('tails/o/id/8', pending), 'leave', 'the beginning of a part that is awaited')
t.equal(judgeTail('tails/o/id/4', pending), 'remove', 'one that has become a part')
t.equal(judgeTail('tails/o/id/8', { status: 'pending', arrival: {} }), 'remove', 'one that is not written down')
t.equal(judgeTail('tails/o/id/8', undefined), 'remove', 'one of nobody')
