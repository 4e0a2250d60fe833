import { S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import multipart from '@fastify/multipart'
import fastify from 'fastify'

/**
 * A typical upload of large files: the file of a form is streamed into lib-storage. It verifies no token, computes no
 * digest, and writes no record and no event. Do not improve it: the api is compared with it.
 */
const { UPLOAD_BUCKET: Bucket = '' } = process.env

// The only setting that is not the default: the sink has no DNS names for buckets.
const client = new S3Client({ forcePathStyle: true })
const app = fastify({ logger: true })
await app.register(multipart, { limits: { fileSize: Number.POSITIVE_INFINITY } })

app.post('/uploads', async (request, reply) => {
  const file = await request.file()
  if (!file) return reply.code(400).send({ message: 'There is no file.' })
  const params = { Bucket, Key: `uploads/${file.filename}`, Body: file.file, ContentType: file.mimetype }
  // The part size of the api, with lib-storage's default concurrency. lib-storage's default parts of 5 MiB would cost
  // it more.
  await new Upload({ client, params, partSize: 8 * 1024 ** 2 }).done()
  return { message: 'Uploaded' }
})

await app.listen({ host: '127.0.0.1', port: 0 })
