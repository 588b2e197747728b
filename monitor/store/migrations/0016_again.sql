-- Windows that are to be measured once more behind the judged ones, because rows came for them: up to which seq.
CREATE TABLE again (model VARCHAR, start TIMESTAMP, up_to_seq BIGINT);
