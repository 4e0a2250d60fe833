import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { names } from '../../../services/platform/resources.ts'
import { processedKey } from '../../../services/uploads/objects/keys.ts'
import { createUploadStore } from '../../../services/uploads/records/store.ts'
import { uploadRecord } from '../../uploads/examples.ts'
import { notInstalled } from '../support/installed.ts'
import { createAccount } from '../support/resources.ts'
import { startMoto } from '../support/servers.ts'
import { Expectations } from './expectations.ts'

t.test(
  'the comparison by boto3 names whatever is missing, wrong or too much',
  { skip: notInstalled('moto') },
  async t => {
    const server = await startMoto(t)
    t.comment(server.versions)
    const { clients } = await createAccount(t, server)
    const { s3, dynamodb } = clients
    const store = createUploadStore({ dynamodb, table: names.uploadsTable })
    const put = (Bucket: string, Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body }))
    const expected = new Expectations({
      uploadBucket: names.uploadBucket,
      processedBucket: names.processedBucket,
      table: names.uploadsTable,
    })
    t.strictSame(await expected.differences(server), [], 'of nothing and nothing')

    const record = uploadRecord({ status: 'processed' })
    const { uploadId, key } = record
    await store.create(record)
    await put(names.uploadBucket, key, 'hello')
    await put(names.processedBucket, processedKey(key), 'HELLO')
    expected.processed({ uploadId, s3: record }, 'hello', 'HELLO')
    t.strictSame(await expected.differences(server), [], 'of an upload as it should be')

    await put(names.processedBucket, processedKey(key), 'HELL0')
    await put(names.processedBucket, 'processed/nobody', 'x')
    await s3.send(new DeleteObjectCommand({ Bucket: names.uploadBucket, Key: key }))
    const other = uploadRecord({ status: 'stored' })
    await store.create(other)
    const [missing, tooMuch, wrong, status, outbox, ...rest] = await expected.differences(server)
    t.equal(missing, `${names.uploadBucket} has no object ${key}`)
    t.equal(tooMuch, `${names.processedBucket} has an object that nobody expects: processed/nobody`)
    t.match(wrong, `${names.processedBucket} has other bytes under ${processedKey(key)}: SHA-256 `)
    t.equal(status, `${names.uploadsTable} has upload ${other.uploadId} as stored, not as missing`)
    t.equal(outbox, `${names.uploadsTable} has upload ${other.uploadId} in its outbox still`)
    t.strictSame(rest, [])
  },
)
