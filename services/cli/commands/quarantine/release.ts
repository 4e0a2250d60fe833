import { userInfo } from 'node:os'
import { GetObjectTaggingCommand, PutObjectTaggingCommand, type S3Client } from '@aws-sdk/client-s3'
import { RELEASED_TAG } from '../../../platform/resources.ts'
import { createQuarantineStore } from '../../../uploads/records/quarantine-store.ts'
import type { ObjectRef } from '../../../uploads/records/record.ts'
import { withAws } from '../../aws.ts'
import { defineCommand } from '../../command.ts'
import { exitCodes } from '../../errors.ts'
import { nameText } from '../../output.ts'
import { findQuarantined, quarantineConfig } from './find.ts'

export const releaseQuarantine = defineCommand({
  name: 'quarantine release',
  summary: 'let uploads out of quarantine, because the scanner was wrong',
  details: `A worker then processes the files without another scan, and their owners can download them. The record of each upload keeps
who released it.

Exits with 1 if one of the uploads was released or deleted by somebody else meanwhile.`,
  operands: 'ID…',
  options: {
    by: {
      type: 'string',
      value: 'NAME',
      description: 'your name, for the record (default: your user name on this machine)',
    },
    'dry-run': { type: 'boolean', description: 'only list what would be released' },
  },
  config: quarantineConfig,
  async run({ options, operands, config, output }) {
    const by = options.by ?? userInfo().username
    return await withAws(config, async ({ dynamodb, s3 }) => {
      const quarantine = createQuarantineStore({ dynamodb, table: config.UPLOADS_TABLE })
      let missed = 0
      for (const upload of await findQuarantined(quarantine, operands)) {
        const { uploadId, signature, filename } = upload
        const what = `${uploadId}  ${nameText(filename)}  ${signature}`
        if (options['dry-run']) {
          output.item({ uploadId, signature, outcome: 'would be released' }, `${what}  would be released`)
          continue
        }
        // First: a worker that finds the upload released must be able to read the file, and so must its owner.
        if (upload.scanner === 'guardduty') await tagReleased(s3, upload)
        const isReleased = await quarantine.release(upload, by)
        if (!isReleased) missed++
        const outcome = isReleased ? 'released' : 'not in quarantine any more'
        output.item({ uploadId, signature, outcome, ...(isReleased && { by }) }, `${what}  ${outcome}`)
      }
      if (options['dry-run']) output.note('Nothing was changed.')
      return missed > 0 ? exitCodes.failed : exitCodes.done
    })
  },
})

/** Tags an object as released, besides its other tags. The policy of the bucket denies reading what GuardDuty has found otherwise. */
async function tagReleased(s3: S3Client, { bucket, key }: ObjectRef): Promise<void> {
  const object = { Bucket: bucket, Key: key }
  const { TagSet = [] } = await s3.send(new GetObjectTaggingCommand(object))
  const others = TagSet.filter(({ Key }) => Key !== RELEASED_TAG)
  const Tagging = { TagSet: [...others, { Key: RELEASED_TAG, Value: 'true' }] }
  await s3.send(new PutObjectTaggingCommand({ ...object, Tagging }))
}
