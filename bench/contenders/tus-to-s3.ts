import { S3Store } from '@tus/s3-store'
import { Server } from '@tus/server'

/**
 * A tus server as in its documentation: @tus/server on @tus/s3-store. It verifies no token, computes no digest, and
 * writes no record and no event. Do not improve it: the api is compared with it.
 */
const { UPLOAD_BUCKET: bucket = '' } = process.env

// The only setting that is not the default: the sink has no DNS names for buckets.
const datastore = new S3Store({ s3ClientConfig: { bucket, forcePathStyle: true } })

new Server({ path: '/uploads/tus', datastore, relativeLocation: true }).listen({ host: '127.0.0.1', port: 0 })
