import path from 'node:path'

/**
 * The entry point of the image as a Lambda function. Its argument is the handler: the command of the image's
 * configuration.
 *
 * AWS's runtime client reads the handler from `_HANDLER` and the folder of the handler from `LAMBDA_TASK_ROOT`. AWS's
 * own base images set both before they start the client. For any other image AWS sets `LAMBDA_TASK_ROOT` to
 * `/var/task`, which this image does not have.
 *
 * This file is `app/dist/services/lambda-start.js`, and the client is beside `app/`: in the image at `/app` and
 * `/lambda`, and in a test without Docker in any folder.
 */
const app = path.resolve(import.meta.dirname, '../..')
const [handler] = process.argv.slice(2)
if (handler !== undefined) process.env._HANDLER = handler
process.env.LAMBDA_TASK_ROOT = app

await import(path.join(app, '../lambda/node_modules/aws-lambda-ric/index.mjs'))
