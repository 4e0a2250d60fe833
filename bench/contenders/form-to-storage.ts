import { S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import multipart from '@fastify/multipart'
import fastify from 'fastify'

/**
 * What one writes for large files: the file of a form, as it comes, into lib-storage. No token, no digest, no record, no event.
 * Not to be improved: it is what the api is measured against.
 */
const { UPLOAD_BUCKET: Bucket = '' } = process.env

// The one setting that is not the default: the sink has no DNS that knows buckets.
const client = new S3Client({ forcePathStyle: true })
const app = fastify({ logger: true })
await app.register(multipart, { limits: { fileSize: Number.POSITIVE_INFINITY } })

app.post('/uploads', async (request, reply) => {
  const file = await request.file()
  if (!file) return reply.code(400).send({ message: 'There is no file.' })
  const params = { Bucket, Key: `uploads/${file.filename}`, Body: file.file, ContentType: file.mimetype }
  // The api's own size of parts, and lib-storage's own number of them: those of 5 MiB, its default, would cost it more.
  await new Upload({ client, params, partSize: 8 * 1024 ** 2 }).done()
  return { message: 'Uploaded' }
})

await app.listen({ host: '127.0.0.1', port: 0 })
