import { KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import fastifyJwt, { type TokenOrHeader } from '@fastify/jwt'
import fastify, { type FastifyRequest } from 'fastify'
import buildGetJwks from 'get-jwks'

/**
 * What one writes on a first day: verify the token, put the object, put the record, one after the other, with the SDK's
 * clients as they come. No record of the upload, no digest, no check of the name, and an upload whose event fails is lost.
 * Not to be improved: it is what the api is measured against.
 */
const { UPLOAD_BUCKET: bucket = '', STREAM_NAME: stream = '', COGNITO_ISSUER: issuer = '' } = process.env

// The one setting that is not the default: the sink has no DNS that knows buckets.
const s3 = new S3Client({ forcePathStyle: true })
const kinesis = new KinesisClient({})
const getJwks = buildGetJwks({ issuersWhitelist: [issuer] })

const app = fastify({ logger: true })

await app.register(fastifyJwt, {
  decode: { complete: true },
  secret: (_request: FastifyRequest, token: TokenOrHeader) => {
    const { kid, alg } = (token as { header: { kid: string; alg: string } }).header
    return getJwks.getPublicKey({ domain: issuer, kid, alg })
  },
  // With its cache, as the api: how a token is verified is not what is compared.
  verify: { algorithms: ['RS256'], allowedIss: issuer, cache: true },
})

app.post('/uploads', { onRequest: request => request.jwtVerify() }, async request => {
  const { filename = `file-${Date.now()}.txt`, content = 'empty' } = request.body as Record<string, string>
  const { sub } = request.user as { sub: string }
  const key = `uploads/${filename}`
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: content, ContentType: 'text/plain' }))
  const event = { bucket, key, uploadedAt: new Date().toISOString(), requestId: request.id, userSub: sub }
  await kinesis.send(
    new PutRecordCommand({ StreamName: stream, PartitionKey: key, Data: Buffer.from(JSON.stringify(event)) }),
  )
  return { message: 'Uploaded and queued for processing', s3: { bucket, key } }
})

await app.listen({ host: '127.0.0.1', port: 0 })
