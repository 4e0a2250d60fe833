import { Type } from 'typebox'
import { defineCommand } from '../../command.ts'
import { PROFILE_HELP, profileOption, withClient } from '../../session/connect.ts'
import { forEachUpload, uploadIds } from './upload-ids.ts'

export const rm = defineCommand({
  name: 'rm',
  group: 'upload',
  summary: 'delete uploads with their outputs',
  operands: 'ID…',
  details: `An upload that does not exist counts as deleted. There is no way to get a deleted upload back.

${PROFILE_HELP}`,
  options: profileOption,
  config: Type.Object({}),
  async run({ options, operands, env, output }) {
    const ids = uploadIds(operands)
    return await withClient({ env, options, output }, async ({ headgate, signal }) =>
      forEachUpload(ids, { signal, output }, async id => {
        await headgate.remove(id, { signal })
        output.item({ uploadId: id, deleted: true }, `deleted  ${id}`)
        return true
      }),
    )
  },
})
