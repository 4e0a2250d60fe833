import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Backend } from '../backend.ts'
import { checkNotQuarantined, checkScanned } from '../download/quarantine.ts'
import { ProblemError } from '../problems/problem.ts'
import { downloadDescription, redirectResponses, redirectTo } from './content-redirect.ts'
import { idParams, security } from './schemas.ts'
import { noSuchUpload, uploadIdOf } from './upload-id.ts'

const schema = {
  operationId: 'getContent',
  tags: ['uploads'],
  summary: 'Download the file as it was uploaded',
  description: downloadDescription,
  security,
  params: idParams,
  response: redirectResponses('content-not-ready', 'quarantined'),
}

export interface GetContentOptions {
  backend: () => Pick<Backend, 'store' | 'downloadUrl'>
  /** True if the worker scans uploads. A file is not sent before its scan. */
  isScanned: boolean
}

export const getContent: FastifyPluginAsyncTypebox<GetContentOptions> = async (app, { backend, isScanned }) => {
  app.get('/uploads/:id/content', { schema, config: { access: 'read' } }, async (request, reply) => {
    const { store, downloadUrl } = backend()
    const uploadId = uploadIdOf(request.params.id)
    const record = await store.get({ owner: request.owner, uploadId })
    if (!record) throw noSuchUpload()
    if (record.status === 'pending') {
      throw new ProblemError('content-not-ready', 'The file has not arrived yet.', { headers: { 'retry-after': '1' } })
    }
    checkNotQuarantined(record)
    if (isScanned) checkScanned(record)
    const { bucket, key, filename } = record
    await redirectTo(downloadUrl, { object: { bucket, key }, uploadId, filename }, { request, reply })
  })
}
