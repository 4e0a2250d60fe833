import { GetObjectTaggingCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import { createQuarantineStore } from '../../services/uploads/records/quarantine-store.ts'
import type { UploadRecord } from '../../services/uploads/records/record.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { exists as inProcessedBucket, putUpload, uploadRecord } from '../worker/pipeline.ts'
import { headgateHere } from './program.ts'

t.test('lists, releases and deletes uploads in quarantine', async t => {
  const aws = await startAws(t, { shards: 1 })
  const headgate = headgateHere(t, aws.env)
  const { s3, dynamodb } = aws
  const uploads = createUploadStore({ dynamodb, table: names.uploadsTable })
  const quarantine = createQuarantineStore({ dynamodb, table: names.uploadsTable })
  let count = 0

  async function quarantined(
    owner: string,
    signature: string,
    scanner: 'clamd' | 'guardduty' = 'clamd',
  ): Promise<UploadRecord> {
    count++
    const record = uploadRecord({ owner, uploadId: `0193c2f0-7000-7c33-9d0e-6a1b2c3d4e5${count}`, status: 'queued' })
    await putUpload(s3, record, 'infected')
    await uploads.create(record)
    const at = new Date(Date.now() - 60_000 * (10 - count)).toISOString()
    const failure = { code: 'HEADGATE_MALWARE_FOUND', reason: 'Found.' }
    await quarantine.markQuarantined(record, {
      source: record,
      failure,
      scan: { scanner, verdict: 'infected', signature, at },
    })
    return record
  }
  const ann = await quarantined('ann', 'Eicar')
  const bob = await quarantined('bob', 'Other')

  await t.test('quarantine list has the uploads of all users, the newest first', async t => {
    const { code, stdout } = await headgate('quarantine', 'list', '--json')
    t.equal(code, 0)
    t.match(
      stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line)),
      [
        { uploadId: bob.uploadId, owner: 'bob', signature: 'Other', scanner: 'clamd', key: bob.key },
        { uploadId: ann.uploadId, owner: 'ann', signature: 'Eicar', filename: 'demo.txt' },
      ],
    )
    const table = await headgate('quarantine', 'list', '--signature', 'Eicar')
    t.match(table.stdout, new RegExp(`^ID .*\\n${ann.uploadId} +Eicar +\\d+m.* ago +ann +demo.txt\\n$`))
    t.match(await headgate('quarantine', 'list', '--owner', 'nobody'), {
      code: 0,
      stderr: /No upload is in quarantine/,
    })
  })

  await t.test('quarantine release changes nothing in a dry run, and then queues the upload', async t => {
    const dry = await headgate('quarantine', 'release', ann.uploadId, '--dry-run')
    t.match(dry, { code: 0, stdout: /would be released/, stderr: /Nothing was changed/ })
    t.match(await uploads.get(ann), { status: 'quarantined' })
    t.match(await headgate('quarantine', 'release', ann.uploadId, '--by', 'alice'), { code: 0, stdout: /released/ })
    t.match(await uploads.get(ann), { status: 'stored', scan: { verdict: 'released', releasedBy: 'alice' } })
    t.match(await headgate('quarantine', 'release', ann.uploadId), { code: 1, stderr: /Not in quarantine/ })
  })

  await t.test('quarantine release of what GuardDuty has found tags the object, besides its other tags', async t => {
    const cid = await quarantined('cid', 'THREATS_FOUND', 'guardduty')
    const object = { Bucket: cid.bucket, Key: cid.key }
    const TagSet = [{ Key: 'GuardDutyMalwareScanStatus', Value: 'THREATS_FOUND' }]
    await s3.send(new PutObjectTaggingCommand({ ...object, Tagging: { TagSet } }))
    t.match(await headgate('quarantine', 'release', cid.uploadId), { code: 0 })
    const tags = await s3.send(new GetObjectTaggingCommand(object))
    t.strictSame(tags.TagSet, [...TagSet, { Key: 'HeadgateReleased', Value: 'true' }])
    const untagged = await s3.send(new GetObjectTaggingCommand({ Bucket: ann.bucket, Key: ann.key }))
    t.strictSame(untagged.TagSet, [], 'clamd needs no tag')
  })

  await t.test('quarantine delete lists without --yes, and deletes with it', async t => {
    t.match(await headgate('quarantine', 'delete', bob.uploadId), { code: 0, stdout: /would be deleted/ })
    t.match(await uploads.get(bob), { status: 'quarantined' })
    t.match(await headgate('quarantine', 'delete', bob.uploadId, '--yes'), { code: 0, stdout: /deleted/ })
    t.equal(await uploads.get(bob), undefined)
    t.equal(await inProcessedBucket(s3, `processed/${bob.key}`), false)
  })

  await t.test('wrong arguments are refused', async t => {
    t.match(await headgate('quarantine', 'release'), { code: 2, stderr: /Give the ids/ })
    t.match(await headgate('quarantine', 'release', 'nonsense'), { code: 2, stderr: /not the id of an upload/ })
    t.match(await headgate('quarantine', 'delete', ann.uploadId, '--yes', '--dry-run'), { code: 2 })
  })
})
