# SPDX-License-Identifier: Apache-2.0
#
# A dataset, and a model's folder of networks so small that a step takes milliseconds; sourced behind
# lib.sh by the scripts that train and generate.
make_dataset data 40 || exit 1
"$SMALL_MODELS" models "$MEL_SOURCE/tests/data/tokenizers" || exit 1

part() { # part NAME FILE TEXT: into model/NAME/FILE
    mkdir -p "model/$1" && printf '%s' "$3" > "model/$1/$2"
}
vae='"_class_name":"AutoencoderKL","block_out_channels":[4,8,8],"layers_per_block":1,"norm_num_groups":4'
unet='"_class_name":"UNet2DConditionModel","cross_attention_dim":48,"block_out_channels":[8,16],"layers_per_block":1,"norm_num_groups":4,"attention_head_dim":2,"use_linear_projection":true,"down_block_types":["CrossAttnDownBlock2D","DownBlock2D"]'
schedule='{"beta_schedule":"scaled_linear","beta_start":0.00085,"beta_end":0.012,"num_train_timesteps":1000,"prediction_type":"v_prediction"}'
part vae config.json "{$vae,\"in_channels\":1,\"out_channels\":1,\"latent_channels\":4}"
part image_vae config.json "{$vae,\"in_channels\":3,\"out_channels\":3,\"latent_channels\":4}"
part unet config.json "{$unet,\"in_channels\":4,\"out_channels\":4}"
part image_unet config.json "{$unet,\"in_channels\":4,\"out_channels\":4,\"sample_size\":8}"
part scheduler scheduler_config.json "$schedule"
part image_scheduler scheduler_config.json "$schedule"
cp -r models/clip models/sound models/cnn14 models/vggish model && rm model/*/model.safetensors
sed -i 's/"embedding":24,"classes":10/"embedding":32,"classes":24/' model/cnn14/config.json
sed -i 's/"embedding":16/"embedding":16,"classes":24/' model/vggish/config.json
ln -s clip model/text_encoder
ln -s clip model/image_text_encoder

cat > projection.json << 'END'
{"model_type":"melkit_picture_projection","projection_dim":CLIP,"cross_attention_dim":48}
END
sed -i "s/CLIP/$(sed -n 's/.*"projection_dim":\([0-9]*\).*/\1/p' model/clip/config.json | head -1)/" projection.json

config() { # config NAME TARGET DATA FURTHER
    printf '{"target":"%s","data":"%s","model":"model","install":true,"steps":6,"batch":2,"learning_rate":0.002,"checkpoint_every":3,"seed":5%s}' \
        "$2" "$3" "$4" > "$1.json"
}
prepare() { # prepare SET FURTHER…
    set=$1; shift
    run 0 "$MEL" -C data --json prepare --split main --for "$set" --tokens 24 --steps 5 --picture 32 "$@" "shards/$set"
}
generate() { # generate CODE FURTHER…
    code=$1; shift
    run "$code" "$MEL" --json generate --model model --tokens 24 --steps 3 "$@"
}

image=$(find data/media -name "*.jpg" | sort | head -1)

# Every network trained for six steps, and installed: what the scripts behind t0185 begin from.
train_all() {
    prepare media && config clip clip shards/media "" && config sound imsm shards/media "" &&
        "$MEL" -q -C data prepare --split main --for media --picture 32 --text "{genre}, {moods}" shards/tags &&
        config cnn14 tagger shards/tags ',"of":"cnn14","seconds":2' && config vggish tagger shards/tags ',"of":"vggish","seconds":2' &&
        config ae_image autoencoder shards/media ',"of":"pictures"' && config ae_sound autoencoder shards/media ',"of":"sounds","crop":64' &&
        for name in clip sound cnn14 vggish ae_image ae_sound; do "$MEL" -q train $name.json || return 1; done &&
        prepare image --model model && config image image shards/image "" && "$MEL" -q train image.json &&
        prepare music --model model && config music music shards/music ',"alpha_learning_rate":0.01,"image_dropout":0.5' && "$MEL" -q train music.json
}
