import { Type } from 'typebox'
import { workerConfigSchema } from '../../../platform/config/worker.ts'
import { createRemoveObject } from '../../../uploads/objects/remove-object.ts'
import { createRemoveOutputs } from '../../../uploads/objects/remove-outputs.ts'
import { createResultStore } from '../../../uploads/objects/result-store.ts'
import { createDeletions } from '../../../uploads/records/deletions.ts'
import { createQuarantineStore } from '../../../uploads/records/quarantine-store.ts'
import { withAws } from '../../aws.ts'
import { defineCommand } from '../../command.ts'
import { exitCodes, UsageError } from '../../errors.ts'
import { nameText } from '../../output.ts'
import { findQuarantined, quarantineConfig } from './find.ts'

export const deleteQuarantine = defineCommand({
  name: 'quarantine delete',
  summary: 'delete uploads in quarantine, with their files',
  details:
    'Deletes the record and the file, as the owner could. This cannot be undone. Without --yes, only lists what would be deleted.',
  operands: 'ID…',
  options: {
    yes: { type: 'boolean', description: 'delete, instead of only listing' },
    'dry-run': { type: 'boolean', description: 'only list what would be deleted' },
  },
  config: Type.Object({
    ...quarantineConfig.properties,
    PROCESSED_BUCKET: workerConfigSchema.properties.PROCESSED_BUCKET,
  }),
  async run({ options, operands, config, output }) {
    if (options.yes && options['dry-run']) throw new UsageError('Give --yes or --dry-run, not both.')
    return await withAws(config, async ({ dynamodb, s3 }) => {
      const table = config.UPLOADS_TABLE
      const records = { dynamodb, table }
      const removeOutputs = createRemoveOutputs(s3, createResultStore(records))
      const deletions = createDeletions({ ...records, removeObject: createRemoveObject(s3), removeOutputs })
      for (const upload of await findQuarantined(createQuarantineStore(records), operands)) {
        const { uploadId, signature, filename } = upload
        if (options.yes) {
          const hidden = await deletions.begin(upload)
          if (hidden) await deletions.complete(hidden)
        }
        const outcome = options.yes ? 'deleted' : 'would be deleted'
        output.item({ uploadId, signature, outcome }, `${uploadId}  ${nameText(filename)}  ${signature}  ${outcome}`)
      }
      if (!options.yes) output.note('Nothing was changed. Add --yes to delete.')
      return exitCodes.done
    })
  },
})
