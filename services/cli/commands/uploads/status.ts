import { Type } from 'typebox'
import { defineCommand } from '../../command.ts'
import { PROFILE_HELP, profileOption, withClient } from '../../session/connect.ts'
import { forEachUpload, uploadIds } from './upload-ids.ts'
import { uploadText } from './upload-text.ts'

export const status = defineCommand({
  name: 'status',
  group: 'upload',
  summary: 'show uploads: their status, size, type and outputs',
  operands: 'ID…',
  details: `Exits with 1 if one of the uploads failed, is quarantined or does not exist.

${PROFILE_HELP}`,
  options: profileOption,
  config: Type.Object({}),
  async run({ options, operands, env, output }) {
    const ids = uploadIds(operands)
    return await withClient({ env, options, output }, async ({ headgate, signal }) =>
      forEachUpload(ids, { signal, output }, async (id, index) => {
        const upload = await headgate.status(id, { signal })
        output.item(upload, `${index === 0 ? '' : '\n'}${uploadText(upload)}`)
        return upload.status !== 'failed' && upload.status !== 'quarantined'
      }),
    )
  },
})
