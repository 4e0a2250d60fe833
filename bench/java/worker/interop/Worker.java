package interop;

import java.io.IOException;
import java.net.URI;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsAsyncClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.CoordinatorConfig;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.ShardRecordProcessorFactory;
import software.amazon.kinesis.retrieval.RetrievalConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * A worker of the Kinesis Client Library as its guide builds one, told by its environment what to read, and paced for a test.
 * A line on standard input stops it gracefully; the end of standard input, which is the end of the test, at once.
 */
final class Worker {
    private static final int STOP_SECONDS = 15;

    /** The least that it allows. */
    private static final int IDLE_MILLIS = 200;

    private Worker() {}

    /** @param adapt sets what only one version of the library has */
    static void run(BiConsumer<CoordinatorConfig, LeaseManagementConfig> adapt) {
        int code = 1;
        try {
            work(adapt);
            code = 0;
        } catch (Exception failure) {
            failure.printStackTrace();
        } finally {
            Runtime.getRuntime().halt(code); // The SDK's threads would keep it from ending.
        }
    }

    private static void work(BiConsumer<CoordinatorConfig, LeaseManagementConfig> adapt) throws Exception {
        String stream = env("INTEROP_STREAM");
        ConfigsBuilder configs = new ConfigsBuilder(stream, env("INTEROP_APPLICATION"), kinesis(), dynamodb(),
                client(CloudWatchAsyncClient.builder(), "http://127.0.0.1:9").build(), env("INTEROP_WORKER_ID"),
                processors());

        CoordinatorConfig coordinator = configs.coordinatorConfig();
        coordinator.parentShardPollIntervalMillis(500);
        coordinator.shardConsumerDispatchPollIntervalMillis(100);
        LeaseManagementConfig leases = configs.leaseManagementConfig();
        adapt.accept(coordinator, leases);
        leases.failoverTimeMillis(Long.parseLong(env("INTEROP_FAILOVER_MS")));
        leases.shardSyncIntervalMillis(1000); // It sleeps for this long once it has made the first leases.
        InitialPositionInStreamExtended start = InitialPositionInStreamExtended
                .newInitialPosition(InitialPositionInStream.valueOf(env("INTEROP_INITIAL_POSITION")));
        leases.initialPositionInStream(start);
        RetrievalConfig retrieval = configs.retrievalConfig();
        retrieval.initialPositionInStreamExtended(start);
        PollingConfig polling = new PollingConfig(stream, kinesis());
        polling.idleTimeBetweenReadsInMillis(IDLE_MILLIS);
        retrieval.retrievalSpecificConfig(polling);

        Scheduler scheduler = new Scheduler(configs.checkpointConfig(), coordinator, leases, configs.lifecycleConfig(),
                configs.metricsConfig().metricsFactory(new NullMetricsFactory()), configs.processorConfig(), retrieval);
        Thread thread = new Thread(scheduler, "scheduler");
        thread.start();
        Events.emit("started");
        awaitStop();
        try {
            scheduler.startGracefulShutdown().get(STOP_SECONDS, TimeUnit.SECONDS);
            thread.join();
            Events.emit("stopped");
        } catch (TimeoutException late) {
            // As KCL's own example does. It comes to no end while it still has the lease of a shard that has ended.
            Events.emit("stoppedLate");
        }
    }

    private static ShardRecordProcessorFactory processors() {
        String recordsPerRound = System.getenv("INTEROP_RECORDS_PER_ROUND");
        return recordsPerRound == null ? Processor::new : new Tally(Long.parseLong(recordsPerRound))::processor;
    }

    private static void awaitStop() throws IOException {
        if (System.in.read() == -1) Runtime.getRuntime().halt(0);
        Thread watch = new Thread(() -> {
            try {
                while (System.in.read() != -1) { }
            } catch (IOException gone) {
                Events.emit("inputFailed", "error", gone);
            }
            Runtime.getRuntime().halt(0);
        }, "stdin");
        watch.setDaemon(true);
        watch.start();
    }

    private static KinesisAsyncClient kinesis() {
        return client(KinesisAsyncClient.builder(), env("INTEROP_KINESIS_ENDPOINT")).build();
    }

    private static DynamoDbAsyncClient dynamodb() {
        return client(DynamoDbAsyncClient.builder(), env("INTEROP_DYNAMODB_ENDPOINT")).build();
    }

    /** The servers of a laptop speak HTTP/1.1 alone. */
    private static <B extends AwsClientBuilder<B, ?> & AwsAsyncClientBuilder<B, ?>> B client(B builder, String endpoint) {
        AwsBasicCredentials credentials =
                AwsBasicCredentials.create(env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY"));
        return builder.endpointOverride(URI.create(endpoint))
                .region(Region.of(env("AWS_REGION")))
                .credentialsProvider(StaticCredentialsProvider.create(credentials))
                .httpClientBuilder(NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1));
    }

    private static String env(String name) {
        String value = System.getenv(name);
        if (value == null) throw new IllegalStateException(name + " is not set");
        return value;
    }
}
