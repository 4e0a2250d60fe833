import { KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import fastifyJwt, { type TokenOrHeader } from '@fastify/jwt'
import fastify, { type FastifyRequest } from 'fastify'
import buildGetJwks from 'get-jwks'

/**
 * A typical first version: verify the token, put the object, put the record, one after the other, with the SDK's
 * default clients. It writes no record of the upload, computes no digest, does not check the filename, and loses an
 * upload whose event fails. Do not improve it: the api is compared with it.
 */
const { UPLOAD_BUCKET: bucket = '', STREAM_NAME: stream = '', COGNITO_ISSUER: issuer = '' } = process.env

// The only setting that is not the default: the sink has no DNS names for buckets.
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
  // With its cache, like the api: the verification of tokens is not compared.
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
