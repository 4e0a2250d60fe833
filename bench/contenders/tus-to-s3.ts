import { S3Store } from '@tus/s3-store'
import { Server } from '@tus/server'

/**
 * A tus server as its documentation has it: @tus/server on @tus/s3-store. No token, no digest, no record, no event. Not to be
 * improved: it is what the api is measured against.
 */
const { UPLOAD_BUCKET: bucket = '' } = process.env

// The one setting that is not the default: the sink has no DNS that knows buckets.
const datastore = new S3Store({ s3ClientConfig: { bucket, forcePathStyle: true } })

new Server({ path: '/uploads/tus', datastore, relativeLocation: true }).listen({ host: '127.0.0.1', port: 0 })
